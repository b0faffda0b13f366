// The viewer as a component of Streamlit: it is sent scenes by the page that holds it, and says how high it is.
"use strict";

(() => {
  const tell = (type, more) => window.parent.postMessage({ isStreamlitMessage: true, type, ...more }, "*");
  const parent = document.getElementById("scene");
  let drawn = "";
  window.addEventListener("message", (event) => {
    if (event.source !== window.parent || event.data.type !== "streamlit:render") return;
    const told = JSON.stringify(event.data.args.scene);
    if (told === drawn) return;
    drawn = told;
    molvmDraw(parent, event.data.args.scene);
    tell("streamlit:setFrameHeight", { height: document.documentElement.scrollHeight + 2 });
  });
  tell("streamlit:componentReady", { apiVersion: 1 });
})();

// One 3D picture for all molecules of the report: a browser has only so many.
"use strict";

(() => {
  const scenes = JSON.parse(document.getElementById("scenes").textContent);
  const stage = document.getElementById("stage");
  const cards = [...document.querySelectorAll(".card")];
  const label = document.getElementById("stage-label");
  const show = (index) => {
    cards.forEach((card, at) => card.setAttribute("aria-pressed", String(at === index)));
    label.textContent = cards[index].dataset.label;
    molvmDraw(stage, scenes[index]);
    stage.dataset.index = index;
  };
  cards.forEach((card, index) => card.addEventListener("click", () => show(index)));
  if (cards.length) show(0);
})();

// Draws a scene of molvm.chem.scenes with 3Dmol.js. Scenes hold numbers and element symbols alone; every word shown
// here is written here, and put on the page as text.
"use strict";

const MOLVM_RELAXED = "#d9822b";
const MOLVM_ARROW = "#7b3fa0";
const MOLVM_SHAFT = 0.13;  // radii of the arrow, Å
const MOLVM_HEAD = 0.3;
const MOLVM_FRAMES_A_SECOND = 12;

function molvmAtoms(frame) {
  const atoms = frame.atoms.map(([elem, x, y, z], index) => (
    { elem, x, y, z, index, serial: index, bonds: [], bondOrder: [], properties: {} }));
  for (const [first, second, order] of frame.bonds) {
    const shown = order === 4 ? 1.5 : order;
    atoms[first].bonds.push(second); atoms[first].bondOrder.push(shown);
    atoms[second].bonds.push(first); atoms[second].bondOrder.push(shown);
  }
  return atoms;
}

function molvmAddFrame(view, frame, style) {
  const model = view.addModel();
  model.addAtoms(molvmAtoms(frame));
  model.setStyle({}, style);
}

function molvmShow(view, scene, index) {
  view.removeAllModels();
  view.removeAllShapes();
  molvmAddFrame(view, scene.frames[index],
    { stick: { radius: 0.12, colorscheme: "Jmol" }, sphere: { scale: 0.24, colorscheme: "Jmol" } });
  if (scene.overlay) {
    molvmAddFrame(view, scene.overlay, { stick: { radius: 0.07, color: MOLVM_RELAXED, opacity: 0.85 } });
  }
  if (scene.arrow) {
    const [from, to] = scene.arrow.map(([x, y, z]) => ({ x, y, z }));
    const length = Math.hypot(to.x - from.x, to.y - from.y, to.z - from.z);
    const mid = Math.max(0.5, 1 - 0.6 / length);
    view.addArrow({ start: from, end: to, radius: MOLVM_SHAFT, radiusRatio: MOLVM_HEAD / MOLVM_SHAFT, mid, color: MOLVM_ARROW });
    // At the middle: a long arrow ends at the edge of the picture. On its far side: the near one is the molecule's.
    const atoms = scene.frames[index].atoms;
    const mean = atoms.reduce((sum, atom) => sum + atom[2], 0) / atoms.length;
    const above = (from.y + to.y) / 2 > mean;
    const side = above ? MOLVM_HEAD : -MOLVM_HEAD;
    const position = { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 + side, z: (from.z + to.z) / 2 };
    view.addLabel(`${scene.debye.toFixed(2)} D`, { position, fontSize: 15, fontColor: MOLVM_ARROW, showBackground: false,
      alignment: above ? "bottomCenter" : "topCenter", screenOffset: { x: 0, y: above ? 3 : -3 } }, null, true);
  }
}

function molvmElement(parent, kind, name) {
  const element = document.createElement(kind);
  element.className = name;
  parent.appendChild(element);
  return element;
}

function molvmCurve(parent, scene) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("class", "molvm-curve");
  svg.setAttribute("viewBox", "0 0 100 100");
  svg.setAttribute("preserveAspectRatio", "none");
  const low = Math.min(...scene.values), high = Math.max(...scene.values);
  const y = (value) => 94 - 88 * (value - low) / ((high - low) || 1);
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", scene.times.map((t, i) => `${i ? "L" : "M"}${100 * t},${y(scene.values[i])}`).join(""));
  const mark = document.createElementNS(space, "line");
  mark.setAttribute("y1", "0"); mark.setAttribute("y2", "100");
  svg.append(path, mark);
  const head = molvmElement(parent, "div", "molvm-axis");
  head.textContent = `V(x, t) from ${low.toPrecision(3)} to ${high.toPrecision(3)}`;
  parent.appendChild(svg);
  const foot = molvmElement(parent, "div", "molvm-axis");
  for (const text of ["noise, t = 0", "data, t = 1"]) molvmElement(foot, "span", "").textContent = text;
  return (index) => { for (const end of ["x1", "x2"]) mark.setAttribute(end, String(100 * scene.times[index])); };
}

function molvmPlayer(parent, view, scene) {
  const last = scene.frames.length - 1;
  const row = molvmElement(parent, "div", "molvm-controls");
  const button = molvmElement(row, "button", "");
  const slider = molvmElement(row, "input", "");
  const label = molvmElement(row, "span", "molvm-time");
  Object.assign(slider, { type: "range", min: 0, max: last, step: 1 });
  slider.setAttribute("aria-label", "time");
  const mark = scene.values ? molvmCurve(parent, scene) : () => {};
  let timer = null;
  const to = (index) => {
    slider.value = index;
    parent.dataset.frame = index;
    const value = scene.values ? `   V = ${scene.values[index].toPrecision(4)}` : "";
    label.textContent = `t = ${scene.times[index].toFixed(3)}${value}`;
    mark(index);
    molvmShow(view, scene, index);
    view.render();
  };
  const stop = () => { clearInterval(timer); timer = null; button.textContent = "Play"; };
  const play = () => {
    if (Number(slider.value) === last) to(0);
    button.textContent = "Pause";
    timer = setInterval(() => {
      to(Number(slider.value) + 1);
      if (Number(slider.value) === last) stop();
    }, 1000 / MOLVM_FRAMES_A_SECOND);
  };
  button.addEventListener("click", () => (timer === null ? play() : stop()));
  slider.addEventListener("input", () => { stop(); to(Number(slider.value)); });
  stop();
  to(last);
}

function molvmDraw(parent, scene) {
  parent.replaceChildren();
  const canvas = molvmElement(parent, "div", "molvm-canvas");
  canvas.style.height = `${scene.height}px`;
  const view = $3Dmol.createViewer(canvas, { backgroundColor: "white", antialias: true });
  const last = scene.frames.length - 1;
  molvmShow(view, scene, last);
  view.zoomTo();
  const narrow = Math.min(1, canvas.clientWidth / canvas.clientHeight);  // 3Dmol.js fits the height alone
  view.zoom(narrow * (scene.times ? 0.8 : scene.arrow ? 0.95 : 1.15));
  view.render();
  if (scene.times) molvmPlayer(parent, view, scene);
  parent.dataset.drawn = "yes";
}

"use strict";
// What the page adds where scripts run: tips at once and by keyboard, tables that can be sorted,
// a histogram that picks students. Without it all is there to be read.

const tip = document.body.appendChild(document.createElement("div"));
tip.id = "tip";
tip.hidden = true;
tip.setAttribute("aria-hidden", "true");

function show(mark) {
  const box = mark.getBoundingClientRect();
  tip.textContent = mark.getAttribute("aria-label");
  tip.hidden = false;
  const left = box.left + box.width / 2 - tip.offsetWidth / 2;
  tip.style.left = `${Math.max(4, Math.min(left, innerWidth - tip.offsetWidth - 4))}px`;
  tip.style.top = `${Math.max(4, box.top - tip.offsetHeight - 6)}px`;
}

for (const title of document.querySelectorAll("svg.plot .mark > title")) {
  const mark = title.parentNode;
  mark.setAttribute("aria-label", title.textContent);
  title.remove();
  for (const event of ["pointerenter", "focus"]) mark.addEventListener(event, () => show(mark));
  for (const event of ["pointerleave", "blur"]) mark.addEventListener(event, () => { tip.hidden = true; });
}

const value = (row, column) => {
  const cell = row.cells[column];
  return cell.dataset.value ?? cell.textContent.trim();
};

function compare(one, other) {
  const numbers = [one, other].map(Number);
  const empty = (one === "") - (other === "");
  if (empty) return empty;
  return numbers.some(Number.isNaN) ? one.localeCompare(other) : numbers[0] - numbers[1];
}

for (const head of document.querySelectorAll("table.sortable thead th")) {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...head.childNodes);
  head.append(button);
  button.addEventListener("click", () => {
    const table = head.closest("table"), up = head.getAttribute("aria-sort") !== "ascending";
    for (const other of table.querySelectorAll("thead th")) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const rows = [...table.tBodies[0].rows], column = head.cellIndex;
    rows.sort((a, b) => (up ? 1 : -1) * compare(value(a, column), value(b, column)));
    table.tBodies[0].append(...rows);
  });
}

const list = document.getElementById("students");
const bars = list ? [...document.querySelectorAll("#totals-plot .mark[data-low]")] : [];

function pick(bar) {
  const chosen = bar.getAttribute("aria-pressed") !== "true";
  for (const other of bars) other.setAttribute("aria-pressed", String(chosen && other === bar));
  const low = Number(bar.dataset.low), high = Number(bar.dataset.high);
  const last = bar === bars[bars.length - 1];
  for (const row of list.querySelectorAll("tbody tr")) {
    const total = Number(row.dataset.total);
    const inside = row.dataset.total !== "" && total >= low && (total < high || last);
    row.hidden = chosen && !inside;
  }
  list.open = true;
}

for (const bar of bars) {
  bar.setAttribute("role", "button");
  bar.setAttribute("aria-pressed", "false");
  bar.addEventListener("click", () => pick(bar));
  bar.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    pick(bar);
  });
}

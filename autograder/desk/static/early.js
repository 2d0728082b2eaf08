// A form that is sent before htmx is there waits for it: a browser's own way of sending saves nothing.
"use strict";
(() => {
  const held = new Map();
  const hold = (event) => {
    if (!event.target.matches("[hx-post]")) return;
    event.preventDefault();
    held.set(event.target, event.submitter);
  };
  document.addEventListener("submit", hold);
  document.addEventListener("htmx:load", () => {
    document.removeEventListener("submit", hold);
    for (const [form, submitter] of held) form.requestSubmit(submitter);
  }, {once: true});
})();

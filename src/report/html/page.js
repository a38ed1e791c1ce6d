
"use strict";
(() => {
  const by = (id) => document.getElementById(id);
  const objects = [...document.querySelectorAll("main > details")];
  const choices = ["kind", "action", "target"].map((id) => [id, by(id)]);
  const texts = new Map();
  const text = (object) => {
    if (!texts.has(object)) texts.set(object, object.textContent.toLowerCase());
    return texts.get(object);
  };
  const number = (count) => count.toLocaleString("en");
  const filter = () => {
    const words = by("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const object of objects) {
      const fits = choices.every(([name, choice]) => !choice.value || object.dataset[name] === choice.value)
        && words.every((word) => text(object).includes(word));
      object.hidden = !fits;
      if (fits) shown += 1;
    }
    by("none").hidden = shown > 0 || objects.length === 0;
    const all = `${number(objects.length)} object${objects.length === 1 ? "" : "s"}`;
    by("shown").textContent = shown === objects.length ? all : `${number(shown)} of ${all}`;
  };
  let waiting;
  by("search").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(filter, 120);
  });
  for (const [, choice] of choices) choice.addEventListener("change", filter);
  const form = document.querySelector("form");
  form.addEventListener("submit", (event) => { event.preventDefault(); filter(); });
  form.addEventListener("reset", () => setTimeout(filter));
  const fold = (open) => { for (const object of objects) if (!object.hidden) object.open = open; };
  by("open").addEventListener("click", () => fold(true));
  by("close").addEventListener("click", () => fold(false));
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      by("search").focus();
    }
  });
  filter();
})();

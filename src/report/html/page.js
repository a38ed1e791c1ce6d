
"use strict";
(() => {
  const by = (id) => document.getElementById(id);
  let objects = [...document.querySelectorAll("main > details")];
  const choices = ["environment", "kind", "action", "target", "cause"].map((id) => [id, by(id)]).filter(([, choice]) => choice);
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
      const has = (name, value) => name === "cause"
        ? (object.dataset.cause || "").split(",").includes(value) : object.dataset[name] === value;
      const fits = choices.every(([name, choice]) => !choice.value || has(name, choice.value))
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
  // commands get a button that copies them
  const copy = async (code, button) => {
    try {
      await navigator.clipboard.writeText(code.textContent);
    } catch {
      const range = document.createRange();
      range.selectNodeContents(code);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      document.execCommand("copy");
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  };
  const addButtons = (root) => {
    for (const code of root.querySelectorAll("code")) {
      if (!/^(trueup |--|git )/.test(code.textContent) || code.nextElementSibling?.className === "copy") continue;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "copy";
      button.textContent = "Copy";
      button.setAttribute("aria-label", `Copy ${code.textContent}`);
      button.addEventListener("click", () => copy(code, button));
      code.after(button);
    }
  };
  const main = document.querySelector("main");
  main.addEventListener("toggle", (event) => { if (event.target.open) addButtons(event.target); }, true);
  addButtons(document.querySelector("header"));
  for (const object of objects) if (object.open) addButtons(object);
  // on paper everything that is shown is open
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = objects.filter((object) => !object.hidden && !object.open);
    for (const object of folded) object.open = true;
  });
  addEventListener("afterprint", () => { for (const object of folded) object.open = false; });
  // the objects of a large report that follow compressed
  const unpack = async (packed) => {
    const bytes = Uint8Array.from(atob(packed.textContent), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    const rest = document.createElement("template");
    rest.innerHTML = await new Response(stream).text();
    packed.remove();
    by("none").before(rest.content);
    objects = [...document.querySelectorAll("main > details")];
    by("rest-note").remove();
    filter();
  };
  filter();
  const packed = by("rest");
  if (packed) {
    by("shown").textContent = "loading";
    unpack(packed).catch(() => { by("rest-note").textContent = "This browser cannot show all objects; open the page in a newer one."; });
  }
})();

// Formulas by MathJax 2, bounded: what a student's formula may do to the page is to be typeset.
// MathJax reads this configuration when it is loaded, after this file.
"use strict";
(() => {
  const LONGEST = 3000;  // characters of one formula; what is longer stays as it was written
  const MOST = 300;      // formulas of one text
  const DEEPEST = 60;    // levels of one formula: a browser's layout breaks at some hundreds
  const MOST_WORK = 20000;  // of one text: its formulas' elements, each times its depth; seconds
  // Extensions that only draw. All others change macros for everybody's answers, or make links,
  // ids, classes and styles: \href, \class, \style, \cssId, \unicode, \require, \newcommand, \def.
  const DRAWING = new Set(["boldsymbol", "cancel", "mathchoice", "verb", "AMSmath"]);
  const FORBIDDEN = ["require", "mmlToken", "DeclareMathOperator"];

  // Fonts that MathJax names and does not need: an empty one, and those of its MathML output.
  const NEEDLESS = /@font-face[^{]*\{[^}]*(about:blank|HTML-CSS\/TeX\/)[^}]*\}/g;

  const sheets = (text) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(text.replace(NEEDLESS, ""));
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  };

  const restrict = () => {
    const definitions = MathJax.InputJax.TeX.Definitions;
    for (const table of [definitions.macros, definitions.environment]) {
      for (const [name, meaning] of Object.entries(table)) {
        const wants = Array.isArray(meaning) && meaning[0].startsWith("Extension")
          ? meaning[meaning.length - 1] : null;
        if (wants !== null && !DRAWING.has(String(wants))) delete table[name];
      }
    }
    for (const name of FORBIDDEN) delete definitions.macros[name];
    definitions.macros.label = ["Macro", "", 1];
    for (const name of ["ref", "eqref", "tag"]) definitions.macros[name] = ["Macro", "(\\text{#1})", 1];
  };

  // What it takes to lay a formula out, level by level: it may be too deep for calls.
  const work = (root) => {
    let level = [root], found = 0;
    for (let depth = 1; level.length; depth += 1) {
      found += level.length * depth;
      if (depth > DEEPEST || found > MOST_WORK) return Infinity;
      level = level.flatMap((one) => one.data ?? []).filter((one) => one instanceof Object);
    }
    return found;
  };

  // What is too much to be laid out, alone or with the formulas before it, stays as it was written.
  const done = new WeakMap();
  const prune = (data) => {
    const text = data.script.closest(".text") ?? data.script;
    const sum = (done.get(text) ?? 0) + work(data.math.root);
    if (sum <= MOST_WORK) {
      done.set(text, sum);
      return;
    }
    const mml = MathJax.ElementJax.mml;
    data.math = mml(mml.mtext(mml.chars(MathJax.HTML.getScript(data.script).slice(0, 200))));
  };

  const bound = (message) => {
    const formulas = [...message[1].querySelectorAll('script[type^="math/tex"]')];
    formulas.forEach((formula, number) => {
      if (formula.text.length <= LONGEST && number < MOST) return;
      const code = document.createElement("code");
      code.textContent = formula.text;
      if (formula.previousSibling?.className === "MathJax_Preview") formula.previousSibling.remove();
      formula.replaceWith(code);
    });
  };

  window.MathJax = {
    skipStartupTypeset: true,
    messageStyle: "none",
    showMathMenu: false,
    showProcessingMessages: false,
    processSectionDelay: 0,
    jax: ["input/TeX", "output/HTML-CSS"],
    extensions: ["tex2jax.js", "TeX/AMSmath.js", "TeX/AMSsymbols.js", "TeX/noErrors.js",
      "TeX/noUndefined.js", "AssistiveMML.js", "Safe.js"],
    tex2jax: {
      inlineMath: [["$", "$"], ["\\(", "\\)"]],
      displayMath: [["$$", "$$"], ["\\[", "\\]"]],
      processEscapes: true,
      processEnvironments: true,
      processRefs: false,
      preview: "none",
    },
    TeX: {MAXMACROS: 200, MAXBUFFER: 5 * 1024},
    "HTML-CSS": {availableFonts: [], webFont: "STIX-Web", imageFont: null,
      EqnChunk: 12, EqnChunkFactor: 1, EqnChunkDelay: 5, matchFontHeight: true},
    Safe: {allow: {URLs: "none", classes: "none", cssIDs: "none", styles: "none", fontsize: "none",
      require: "none"}},
    AuthorInit() {
      // The desk's policy allows no <style>: MathJax's styles are given as objects.
      MathJax.Ajax.Styles = function (styles, callback) {
        const text = this.StyleString(styles);
        if (text) sheets(text);
        callback = MathJax.Callback(callback);
        callback(this.STATUS.OK);
        return callback;
      };
      MathJax.Hub.Register.StartupHook("End Extensions", () => {
        restrict();
        MathJax.InputJax.TeX.postfilterHooks.Add(prune);
      });
      MathJax.Hub.Register.StartupHook("TeX AMSmath Ready", restrict);
      MathJax.Hub.Register.StartupHook("TeX AMSsymbols Ready", restrict);
      MathJax.Hub.Register.MessageHook("End PreProcess", bound);
    },
  };

  const ready = new Promise((resolve) => {
    window.addEventListener("load", () => {
      if (!window.MathJax?.Hub) resolve(false);
      else MathJax.Hub.Register.StartupHook("End", () => resolve(true));
    });
  });

  // Typeset all formulas in an element; what has none is done at once.
  window.typeset = async (element) => {
    if (!element || !/[$\\]/.test(element.textContent) || !(await ready)) return;
    await new Promise((resolve) => {
      MathJax.Hub.Queue(["Typeset", MathJax.Hub, element], resolve);
    });
  };

  document.addEventListener("DOMContentLoaded", () => {
    for (const element of document.querySelectorAll("[data-math]")) window.typeset(element);
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    for (const element of event.target.querySelectorAll("[data-math]")) window.typeset(element);
  });
})();

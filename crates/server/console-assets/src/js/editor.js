/* The editor of a variant: CodeMirror in the place of the plain field, and a preview that follows the typing. */
import { basicSetup, EditorView } from "codemirror";
import { html } from "@codemirror/lang-html";
import { markdown } from "@codemirror/lang-markdown";
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { tags } from "@lezer/highlight";

const theme = EditorView.theme({
  "&": { backgroundColor: "var(--raised)", color: "var(--ink)" },
  ".cm-content": { fontFamily: "var(--mono)", caretColor: "var(--ink)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "var(--raised)", color: "var(--ink-3)", border: "0" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--sunk)" },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--accent-wash) !important" },
  ".cm-panels": { backgroundColor: "var(--sunk)", color: "var(--ink)" },
});

// The ready style's colours are too faint on a dark sheet, and on the active line; these are the console's own.
const colours = HighlightStyle.define([
  { tag: [tags.tagName, tags.keyword, tags.heading], color: "var(--accent)" },
  { tag: [tags.attributeName, tags.propertyName, tags.processingInstruction], color: "var(--warn)" },
  { tag: [tags.attributeValue, tags.string, tags.link, tags.url], color: "var(--ok)" },
  { tag: [tags.comment, tags.meta, tags.angleBracket], color: "var(--ink-2)" },
  { tag: tags.invalid, color: "var(--bad)" },
  { tag: [tags.heading, tags.strong], fontWeight: "600" },
  { tag: tags.emphasis, fontStyle: "italic" },
]);

/** Puts the editor in the place of `field`, which keeps carrying the text to the server. */
export function start(field) {
  const isHtml = field.dataset.editor === "html";
  const host = document.createElement("div");
  host.className = "source-host";
  field.before(host);
  field.hidden = true;
  const label = document.querySelector(`label[for="${field.id}"]`)?.textContent.trim() ?? "Source";
  let timer;
  const view = new EditorView({
    doc: field.value,
    parent: host,
    extensions: [
      basicSetup,
      isHtml ? html() : markdown(),
      theme,
      syntaxHighlighting(colours),
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({ "aria-label": label }),
      EditorView.updateListener.of((update) => {
        if (!update.docChanged) return;
        field.value = view.state.doc.toString();
        clearTimeout(timer);
        timer = setTimeout(follow, 400);
      }),
    ],
  });
  const sheet = document.getElementById("preview");
  async function preview() {
    if (!sheet) return;
    if (isHtml) {
      sheet.srcdoc = field.value;
      return;
    }
    const answer = await fetch(field.dataset.preview, {
      method: "POST",
      headers: { "content-type": "text/markdown" },
      body: field.value,
    });
    if (answer.ok) sheet.srcdoc = await answer.text();
  }
  /** The preview and the checks follow the typing; a box that was ticked is for what was read then. */
  function follow() {
    preview();
    check();
  }
  const checks = document.querySelector("[data-checks]");
  let asked = 0;
  async function check() {
    if (!checks) return;
    const mine = ++asked;
    const path = document.getElementById("path");
    const url = checks.dataset.checks + (path ? `&path=${encodeURIComponent(path.value)}` : "");
    const answer = await fetch(url, { method: "POST", headers: { "content-type": "text/plain" }, body: field.value });
    if (!answer.ok || mine !== asked) return;
    const found = () => checks.querySelector("[data-found]")?.textContent.trim() ?? "";
    const before = found();
    const wasOpen = checks.querySelector("details")?.open;
    checks.innerHTML = await answer.text();
    const region = document.getElementById("said");
    if (region && found() !== before) region.textContent = `Checks: ${found()}`;
    if (wasOpen && checks.querySelector("details")) checks.querySelector("details").open = true;
  }
  checks?.addEventListener("click", (event) => {
    const number = Number(event.target.closest?.("[data-line]")?.dataset.line);
    if (!number || number > view.state.doc.lines) return;
    const line = view.state.doc.line(number);
    view.dispatch({ selection: { anchor: line.from }, effects: EditorView.scrollIntoView(line.from, { y: "center" }) });
    view.focus();
  });
  let isSent = false;
  field.form.addEventListener("submit", () => { isSent = true; });
  const first = field.value;
  addEventListener("beforeunload", (event) => {
    if (!isSent && field.value !== first) event.preventDefault();
  });
}

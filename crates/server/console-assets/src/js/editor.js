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
        timer = setTimeout(preview, 400);
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
  let isSent = false;
  field.form.addEventListener("submit", () => { isSent = true; });
  const first = field.value;
  addEventListener("beforeunload", (event) => {
    if (!isSent && field.value !== first) event.preventDefault();
  });
}

// The Worker's script, put together as `domain::edge::assemble_script` does, and its functions outside a Worker.

import { readFileSync } from 'node:fs';

const root = new URL('../', import.meta.url);
const read = (name) => readFileSync(new URL(name, root), 'utf8');
const files = JSON.parse(read('src/files.json'));

/** The script that is uploaded. */
export function assembledScript() {
  const parts = [read('generated/agents.js'), ...files.map((name) => `\n${read(`src/${name}`)}`)];
  return `(() => {\n'use strict';\n${parts.join('')}})();\n`;
}

/** The named functions and values of the script, without its handler. */
export function pureScope(...names) {
  const parts = files.filter((name) => name !== 'handler.js').map((name) => read(`src/${name}`));
  const text = `'use strict';\n${read('generated/agents.js')}\n${parts.join('\n')}\nreturn { ${names.join(', ')} };`;
  return new Function(text)();
}

// Starting and stopping the program. `EDGE_DELIVERY` is where it is.

import { spawn } from 'node:child_process';

const START_MS = 30_000;

/** Starts the program and waits until it has said everything that is looked for: `found` has the first group of each pattern. */
export function start(args, env, patterns) {
  const child = spawn(process.env.EDGE_DELIVERY, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...env } });
  process.once('exit', () => child.kill());
  return new Promise((resolve, reject) => {
    let heard = '';
    setTimeout(() => reject(new Error(`${args[0]} did not start: ${heard}`)), START_MS).unref();
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${args[0]} ended with ${code}: ${heard}`)));
    child.stderr.on('data', (chunk) => {
      if (heard.length < 100_000) heard += chunk;
      const found = patterns.map((one) => one.exec(heard)?.[1]);
      if (found.every(Boolean)) resolve({ child, found });
    });
  });
}

/** Ends it and waits until it is gone. */
export async function stop({ child }) {
  child.removeAllListeners('exit');
  const ended = new Promise((resolve) => child.once('exit', resolve));
  if (child.exitCode === null && child.kill('SIGTERM')) await ended;
}

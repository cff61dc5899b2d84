/** Questions to the person at the keyboard. Answers to secret questions are not echoed. */

import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";

export interface Prompter {
  ask(question: string): Promise<string>;
  askSecret(question: string): Promise<string>;
  close(): void;
}

/** Asks on the terminal. Holds standard input open until `close`. */
export const terminalPrompter = (): Prompter => {
  let muted = false;
  const output = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      if (!muted) process.stdout.write(chunk);
      done();
    },
  });
  const lines = createInterface({ input: process.stdin, output, terminal: process.stdin.isTTY });
  return {
    ask: async (question) => (await lines.question(`${question} `)).trim(),
    askSecret: async (question) => {
      process.stdout.write(`${question} `);
      muted = true;
      try {
        return await lines.question("");
      } finally {
        muted = false;
        process.stdout.write("\n");
      }
    },
    close: () => {
      lines.close();
    },
  };
};

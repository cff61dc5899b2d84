/**
 * The client in the pod speaks without TLS, because TLS ends on the operator's machine. A server behind TLS offers it a
 * login that is bound to the channel (SCRAM-SHA-256-PLUS), and libpq takes that offer on a plain connection for an
 * attack. So it is taken out of the list; SCRAM-SHA-256 remains, and the certificate has been verified here.
 */

import { Transform } from "node:stream";

const bound = "SCRAM-SHA-256-PLUS";
/** AuthenticationSASL: type R, length, code 10, names that end with a zero byte, a last zero byte. */
const sasl = 10;
const headBytes = 5;

/** The message without the bound login; other messages as they are. */
export const withoutBound = (message: Buffer): Buffer => {
  if (message.toString("latin1", 0, 1) !== "R" || message.length < 9 || message.readInt32BE(5) !== sasl)
    return message;
  const names = message.toString("latin1", 9).split("\0").filter(Boolean);
  const body = Buffer.from(
    names
      .filter((name) => name !== bound)
      .map((name) => `${name}\0`)
      .join("") + "\0",
    "latin1",
  );
  const head = Buffer.from(message.subarray(0, 9));
  head.writeInt32BE(8 + body.length, 1);
  return Buffer.concat([head, body]);
};

/** From server to client: edits messages up to the first about authentication, then passes bytes on unseen. */
export const withoutChannelBinding = (): Transform => {
  let held = Buffer.alloc(0);
  let passing = false;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (passing) {
        done(null, chunk);
        return;
      }
      held = Buffer.concat([held, chunk]);
      while (!passing && held.length >= headBytes) {
        const length = 1 + held.readInt32BE(1);
        if (held.length < length) break;
        const message = held.subarray(0, length);
        held = held.subarray(length);
        // Before it only the negotiation of the protocol's version (v) may come.
        passing = message.toString("latin1", 0, 1) !== "v";
        this.push(withoutBound(message));
      }
      if (passing) this.push(held);
      done();
    },
    flush(done) {
      if (!passing) this.push(held);
      done();
    },
  });
};

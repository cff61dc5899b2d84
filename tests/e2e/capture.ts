/** Reads what `host.sh capture` wrote: a pcap file of all interfaces (LINUX_SLL2). Pure; refuses other files. */

export interface Packet {
  /** Index of the interface on the host. */
  readonly wire: number;
  /** TCP or UDP ports; empty for everything else. */
  readonly ports: readonly number[];
  readonly data: Buffer;
}

const fileHeader = 24;
const recordHeader = 16;
const linkHeader = 20;
const linuxSll2 = 276;

/** Ports of an IP packet; only first fragments have them. */
const portsOf = (protocol: number, ip: Buffer): readonly number[] => {
  const [transport, start] =
    protocol === 0x0800
      ? [ip.readUInt8(9), (ip.readUInt8(0) & 15) * 4]
      : protocol === 0x86dd
        ? [ip.readUInt8(6), 40]
        : [0, 0];
  const carries = (transport === 6 || transport === 17) && ip.length >= start + 4;
  return carries ? [ip.readUInt16BE(start), ip.readUInt16BE(start + 2)] : [];
};

/** @throws Error when the file is of another kind */
export const packets = (file: Buffer): readonly Packet[] => {
  const magic = file.readUInt32LE(0);
  const link = file.readUInt32LE(20) & 0xffff;
  if (magic !== 0xa1b2c3d4 || link !== linuxSll2)
    throw new Error(
      `not a capture of all interfaces: magic ${magic.toString(16)}, link type ${String(link)}`,
    );
  const found: Packet[] = [];
  for (let at = fileHeader; at + recordHeader <= file.length;) {
    const length = file.readUInt32LE(at + 8);
    const record = file.subarray(at + recordHeader, at + recordHeader + length);
    if (record.length >= linkHeader + 20) {
      const data = record.subarray(linkHeader);
      found.push({ wire: record.readUInt32BE(4), ports: portsOf(record.readUInt16BE(0), data), data });
    }
    at += recordHeader + length;
  }
  return found;
};

/** A text in the ways in which it can travel without being encrypted. Compression would hide it: the tests ask for none. */
export const readable = (text: string): readonly Buffer[] => {
  // What stands before the text decides how base64 cuts it into groups; the ends depend on the neighbours.
  const base64 = [0, 2, 3].map((cut, before) =>
    Buffer.from("-".repeat(before) + text)
      .toString("base64")
      .slice(cut, -4),
  );
  return [
    Buffer.from(text),
    Buffer.from(text, "utf16le"),
    Buffer.from(Buffer.from(text).toString("hex")),
    ...base64.map((encoded) => Buffer.from(encoded)),
  ];
};

/** The packets in which the text can be read. */
export const holding = (all: readonly Packet[], text: string): readonly Packet[] => {
  const forms = readable(text);
  return all.filter(({ data }) => forms.some((form) => data.includes(form)));
};

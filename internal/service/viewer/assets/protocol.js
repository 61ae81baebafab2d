// Reads the server's stream: messages of a kind (one byte), a length (uint32) and a content. See stream.go and tile.go.
export const side = 32; // of a tile, in its own pixels
const headerLength = 76;

// messages yields [kind, Uint8Array] for as long as the server sends.
export async function* messages(body) {
  const reader = body.getReader();
  let rest = new Uint8Array(0);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return;
    }
    const all = new Uint8Array(rest.length + value.length);
    all.set(rest);
    all.set(value, rest.length);
    let at = 0;
    while (all.length - at >= 5) {
      const length = new DataView(all.buffer, at + 1, 4).getUint32(0, true);
      if (all.length - at - 5 < length) {
        break;
      }
      yield [String.fromCharCode(all[at]), all.slice(at + 5, at + 5 + length)];
      at += 5 + length;
    }
    rest = all.slice(at);
  }
}

// decodeTile returns amplitude, phase, coverage and the share that is refined as Float32Array, and the plane that was
// taken from the phase.
export function decodeTile(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const tile = { level: bytes[0], row: view.getInt32(4, true), col: view.getInt32(8, true), covered: bytes[1] > 0 };
  if (!tile.covered) {
    return tile;
  }
  const number = (i) => view.getFloat64(12 + 8 * i, true);
  const values = (k, low, high) => {
    const out = new Float32Array(side * side);
    let now = 0;
    for (let i = 0; i < out.length; i++) {
      now = (now + bytes[headerLength + k * side * side + i]) & 255; // neighbours are stored as differences
      out[i] = low + (now / 255) * (high - low);
    }
    return out;
  };
  tile.amplitude = values(0, number(0), number(1));
  tile.phase = values(1, number(2), number(3));
  tile.coverage = values(2, 0, number(4));
  tile.refined = bytes[2] > 0 ? values(3, 0, 1) : null;
  tile.plane = { perRow: number(5), perCol: number(6), level: number(7) };
  return tile;
}

// decodePatterns returns the facts of a comparison, and both patterns with values from 0 to 255.
export function decodePatterns(bytes) {
  const end = bytes.indexOf(10);
  const facts = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
  const count = facts.side * facts.side;
  return { ...facts, measured: bytes.subarray(end + 1, end + 1 + count), predicted: bytes.subarray(end + 1 + count) };
}

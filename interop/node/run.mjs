// Runs a model on float32 patterns: node run.mjs MODEL PATTERNS SHAPE OUT. OUT receives both outputs, one after the
// other; standard output a line of JSON with the library's version.
import fs from "node:fs";
import ort from "onnxruntime-node";

const [model, patterns, shape, out] = process.argv.slice(2);
const bytes = fs.readFileSync(patterns);
const data = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
const session = await ort.InferenceSession.create(model);
const input = new ort.Tensor("float32", data, JSON.parse(shape));
const outputs = await session.run({ amplitude_measured: input });
const bytesOf = (tensor) => Buffer.from(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
fs.writeFileSync(out, Buffer.concat(session.outputNames.map((name) => bytesOf(outputs[name]))));
console.log(JSON.stringify({ version: ort.env.versions.node }));

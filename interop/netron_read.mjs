// Reads a model with Netron's own code, as its page does, and prints what it found as JSON.
//
//     node netron_read.mjs NETRON_PACKAGE URL
import * as fs from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [, , folder, url] = process.argv;
const load = (name) => import(pathToFileURL(path.join(folder, name)));
const view = await load('view.js');
const base = await load('base.js');

const errors = [];
const host = {
    environment: () => null,
    require: (id) => load(`${id}.js`),
    asset: (name) => fs.readFile(path.join(folder, name), 'utf-8')
};
const response = await fetch(url);
if (!response.ok) {
    throw new Error(`${url}: status ${response.status}`);
}
const context = {
    identifier: path.posix.basename(new URL(url).pathname),
    stream: new base.BinaryStream(new Uint8Array(await response.arrayBuffer())),
    entries: new Map(),
    require: host.require,
    asset: host.asset,
    error: (error) => errors.push(error.message)
};
const model = await new view.ModelFactoryService(host).open(context);
const graph = model.modules[0];
const values = new Map();
const nodeArguments = graph.nodes.flatMap((node) => [...node.inputs, ...node.outputs]);
for (const argument of [...graph.inputs, ...graph.outputs, ...nodeArguments]) {
    for (const value of argument.value) {
        const type = value.type ? value.type.toString() : null;
        values.set(value.name, { name: value.name, type, weight: Boolean(value.initializer) });
    }
}
console.log(JSON.stringify({
    format: model.format,
    producer: model.producer,
    imports: model.imports,
    metadata: Object.fromEntries(model.metadata.map((entry) => [entry.name, entry.value])),
    nodes: graph.nodes.map((node) => [node.type.name, node.name]),
    values: [...values.values()],
    errors
}));

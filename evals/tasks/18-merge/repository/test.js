const assert = require("assert");
const { merge } = require("./merge");

const defaults = { color: { text: "black", paper: "white" }, sizes: [1, 2, 3], title: "none" };
const before = JSON.stringify(defaults);

assert.deepStrictEqual(merge(defaults, { color: { text: "red" } }).color, { text: "red", paper: "white" });
assert.deepStrictEqual(merge(defaults, { sizes: [9] }).sizes, [9]);
assert.strictEqual(merge(defaults, { title: null }).title, null);
assert.deepStrictEqual(merge(defaults, { extra: { deep: { er: 1 } } }).extra, { deep: { er: 1 } });
assert.strictEqual(JSON.stringify(defaults), before, "the defaults were changed");
const hostile = JSON.parse('{"__proto__": {"polluted": true}}');
merge(defaults, hostile);
assert.strictEqual({}.polluted, undefined);
console.log("passed");

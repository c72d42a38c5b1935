// expect: ["boom",["a"]]
(() => {
  const log = [];
  const bad = { [Symbol.iterator]() { throw new Error("boom"); } };
  try {
    return [log.push("a"), ...bad, log.push("b")];
  } catch (e) { return [e.message, log]; }
})()

// expect: ["boom",["next"]]
(() => {
  const log = [];
  const it = { [Symbol.iterator]: () => ({
    next() { log.push("next"); throw new Error("boom"); },
    return() { log.push("return"); return {}; },
  }) };
  try { return [...it]; } catch (e) { return [e.message, log]; }
})()

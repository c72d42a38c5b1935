// expect: [["v"],["done","value","done"]]
(() => {
  const log = [];
  let n = 0;
  const it = { [Symbol.iterator]: () => ({ next: () => ({
    get done() { log.push("done"); return n++ > 0; },
    get value() { log.push("value"); return "v"; },
  }) }) };
  return [[...it], log];
})()

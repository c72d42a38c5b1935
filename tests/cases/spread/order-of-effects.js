// expect: ["a","iterate a","next a","next a","b","c","iterate c","next c","next c","d"]
(() => {
  const log = [];
  const it = (name) => {
    log.push(name);
    return { [Symbol.iterator]() {
      log.push("iterate " + name);
      let n = 0;
      return { next() { log.push("next " + name); return { done: n++ > 0, value: n }; } };
    } };
  };
  const value = (name) => { log.push(name); return name; };
  [...it("a"), value("b"), ...it("c"), value("d")];
  return log;
})()

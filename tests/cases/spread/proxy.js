// expect: [[1,2,"x"],["Symbol(Symbol.iterator)","length","0","length","1","length"]]
(() => {
  const log = [];
  const proxy = new Proxy([1, 2], { get(target, key, receiver) { log.push(String(key)); return Reflect.get(target, key, receiver); } });
  return [[...proxy, "x"], log];
})()

// expect: [[1,2,3],false,true,["sub"]]
(() => {
  class Sub extends Array {}
  class Other extends Array { *[Symbol.iterator]() { yield "sub"; } }
  const a = [...Sub.of(1, 2), 3];
  return [a, a instanceof Sub, Object.getPrototypeOf(a) === Array.prototype, [...Other.of(1, 2)]];
})()

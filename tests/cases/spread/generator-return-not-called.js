// expect: [[1,2],["body","end"]]
(() => {
  const log = [];
  function* g() { try { log.push("body"); yield 1; yield 2; } finally { log.push("end"); } }
  return [[...g()], log];
})()

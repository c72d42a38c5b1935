// expect: ["ReferenceError",["iterated"]]
(() => {
  const log = [];
  function* g() { yield 1; log.push("iterated"); }
  try { const x = [...g(), x]; return x; } catch (e) { return [e.name, log]; }
})()

// expect: ["later",["iterated"]]
(() => {
  const log = [];
  function* g() { yield 1; log.push("iterated"); }
  try { return [...g(), (() => { throw new Error("later"); })()]; } catch (e) { return [e.message, log]; }
})()

// expect: [[1,"sent",2],["asked"]]
(() => {
  const asked = [];
  function* g(a) { return [...a, yield "asked", ...[a.length]]; }
  const a = [1];
  const run = g(a);
  asked.push(run.next().value);
  a.push(2);
  return [run.next("sent").value, asked];
})()

// expect: [30001,0,29999,"end",true]
(() => {
  const a = Array.from({ length: 30000 }, (_, i) => i);
  const b = [...a, "end"];
  return [b.length, b[0], b[29999], b[30000], b.indexOf(15000) === 15000];
})()

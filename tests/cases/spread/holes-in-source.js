// expect: [[1,null,3],true,["0","1","2"],[null,"p"]]
(() => {
  const a = [1, , 3];
  const b = [...a];
  Array.prototype[0] = "p";
  const c = [...[, ,].fill("p", 1)];
  delete Array.prototype[0];
  const d = [...[, "p"]];
  return [b, 1 in b, Object.keys(b), d.concat(c.length > 2 ? [c] : [])];
})()

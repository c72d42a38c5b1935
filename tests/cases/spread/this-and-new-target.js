// expect: [[1,"t"],[1,true]]
(() => {
  const a = [1];
  function F() { this.list = [...a, new.target === F]; }
  return [(function () { return [...a, this.t]; }).call({ t: "t" }), new F().list];
})()

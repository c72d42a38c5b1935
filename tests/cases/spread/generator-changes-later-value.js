// expect: [[1,2,"after"],["x","before","y"]]
(() => {
  let later = "before";
  function* change() { yield 1; later = "after"; yield 2; }
  const first = [...change(), later];
  later = "before";
  const second = [..."x", later, ...(later = "never", "y")];
  return [first, second];
})()

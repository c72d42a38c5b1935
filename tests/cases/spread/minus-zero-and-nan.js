// expect: [true,true,"undefined"]
(() => {
  const a = [...[-0], ...[NaN], ...[undefined]];
  return [Object.is(a[0], -0), Number.isNaN(a[1]), typeof a[2]];
})()

// expect: [[1,255,3],[1.5]]
(() => {
  return [[...new Uint8Array([1, 255, 3])], [...Float64Array.of(1.5)]];
})()

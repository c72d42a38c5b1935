// expect: [[1,9,9],[9]]
(() => {
  let a = [1];
  const b = [...a, ...((a = [9]), a), ...a];
  return [b, a];
})()

// expect: ["","f","b"]
(() => {
  const a = [1];
  const [, f, { b }] = [...a, () => 1, { b: () => 2 }];
  return [[...a, () => 1][1].name, (0, { f: () => 1 }).f.name, b.name];
})()

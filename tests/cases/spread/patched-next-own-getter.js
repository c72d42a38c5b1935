// expect: [1,["x"]]
(() => {
  const proto = Object.getPrototypeOf([][Symbol.iterator]());
  const descriptor = Object.getOwnPropertyDescriptor(proto, "next");
  let gets = 0;
  let out;
  Object.defineProperty(proto, "next", { configurable: true, get() { gets++; return descriptor.value; } });
  try { out = [..."x"].length ? [...["x"]] : []; } finally { Object.defineProperty(proto, "next", descriptor); }
  return [gets, out];
})()

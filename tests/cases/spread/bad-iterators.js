// expect: ["TypeError","TypeError","TypeError","TypeError"]
(() => {
  const name = (iterator) => {
    try { [...{ [Symbol.iterator]: () => iterator }]; return "none"; } catch (e) { return e.name; }
  };
  return [name(1), name({}), name({ next: 1 }), name({ next: () => 1 })];
})()

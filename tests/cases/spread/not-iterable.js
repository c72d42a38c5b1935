// expect: ["TypeError","TypeError","TypeError","TypeError","TypeError","TypeError"]
(() => {
  const name = (f) => { try { f(); return "none"; } catch (e) { return e.name; } };
  return [
    name(() => [...undefined]), name(() => [...null]), name(() => [...1, 2]), name(() => [...{}]),
    name(() => [...{ length: 2, 0: 1, 1: 2 }]), name(() => [...{ [Symbol.iterator]: 3 }]),
  ];
})()

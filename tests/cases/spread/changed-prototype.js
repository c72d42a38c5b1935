// expect: ["TypeError",["p"],[1]]
(() => {
  const bare = Object.setPrototypeOf([1], null);
  let name = "none";
  try { [...bare]; } catch (e) { name = e.name; }
  const given = Object.setPrototypeOf([1], { *[Symbol.iterator]() { yield "p"; } });
  const array = Object.setPrototypeOf([1], Object.create(Array.prototype));
  return [name, [...given], [...array]];
})()

// expect: [[1,2,3],["patched"],["mapped",2]]
(() => {
  function f() { return [...arguments, 3]; }
  function g() { arguments[Symbol.iterator] = function* () { yield "patched"; }; return [...arguments]; }
  function h(a) { a = "mapped"; return [...arguments]; }
  return [f(1, 2), g(1), h(1, 2)];
})()

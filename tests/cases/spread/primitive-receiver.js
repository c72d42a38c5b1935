// expect: ["number","string"]
(() => {
  const seen = [];
  Object.defineProperty(Number.prototype, Symbol.iterator, { configurable: true, get() {
    "use strict";
    seen.push(typeof this);
    return function* () { "use strict"; yield typeof this; };
  } });
  try { [...5]; } finally { delete Number.prototype[Symbol.iterator]; }
  const original = String.prototype[Symbol.iterator];
  String.prototype[Symbol.iterator] = function* () { "use strict"; yield typeof this; };
  try { seen.push([..."ab"][0]); } finally { String.prototype[Symbol.iterator] = original; }
  return seen;
})()

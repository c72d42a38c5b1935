// expect: [["n",1,"n",2],[1,2]]
(() => {
  const proto = Object.getPrototypeOf([][Symbol.iterator]());
  const original = proto.next;
  const log = [];
  proto.next = function () {
    const result = original.call(this);
    if (!result.done) { log.push("n"); log.push(result.value); }
    return result;
  };
  try { [...[1, 2]]; } finally { proto.next = original; }
  return [log, [...[1, 2]]];
})()

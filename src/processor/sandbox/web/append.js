// append, as hooks are given it and as it is in scope of a processor of the array form.
((need, native) => {
  const stringify = JSON.stringify;

  const send = async (run, input) => {
    native.outside("append");
    if (typeof input !== "object" || input === null) {
      throw new TypeError(
        "append needs an event, { event } or { path, event }; an event is { type, payload }",
      );
    }
    const wrapped = Object.hasOwn(input, "event") && !Object.hasOwn(input, "type");
    const event = wrapped ? input.event : input;
    const path = wrapped ? (input.path ?? undefined) : undefined;
    if (path !== undefined && typeof path !== "string") {
      throw new TypeError(`append: the path is ${typeof path}, not a text`);
    }
    const text = stringify(event);
    if (text === undefined) throw new TypeError("append: this event has no JSON");
    run.count += 1;
    return native.append(run.cause, run.count, path, text);
  };

  let current = { cause: 0, count: 0 };
  const append = (input) => send(current, input);
  return {
    append,
    client: { append },
    // The append of the hook that begins now.
    begin: (cause) => {
      const run = { cause, count: 0 };
      current = run;
      return (input) => send(run, input);
    },
  };
});

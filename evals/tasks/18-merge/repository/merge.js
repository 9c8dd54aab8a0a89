// Returns the settings with those of `own` in place of the defaults, at every depth.
// Neither argument is changed; a list is taken whole.
function merge(defaults, own) {
  for (const name in own) {
    if (typeof own[name] === "object") {
      defaults[name] = merge(defaults[name], own[name]);
    } else {
      defaults[name] = own[name];
    }
  }
  return defaults;
}

module.exports = { merge };

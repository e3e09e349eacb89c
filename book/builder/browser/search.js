// Types a word into the search and counts what it finds.
(async () => {
  document.querySelector("[id$=search-toggle]").click();
  const bar = document.querySelector("input[id$=searchbar]");
  for (let tries = 0; tries < 100; tries++) {
    bar.focus();
    bar.value = "WORD";
    for (const kind of ["input", "keyup"]) bar.dispatchEvent(new Event(kind, { bubbles: true }));
    const found = document.querySelectorAll("[id$=searchresults] li").length;
    if (found > 0) return found;
    await new Promise((done) => setTimeout(done, 100));
  }
  return 0;
})()

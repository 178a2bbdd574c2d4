
setInterval(async () => {
  if (!document.getElementById("refresh").checked) return;
  try {
    const text = await (await fetch("/")).text();
    const fresh = new DOMParser().parseFromString(text, "text/html").querySelector("main");
    if (fresh) document.querySelector("main").replaceWith(fresh);
    document.title = "NameNode";
  } catch {
    document.title = "NameNode (no answer)";
  }
}, 2000);

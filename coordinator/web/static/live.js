// Keep the page's live parts fresh. Without this file every page still works; it is only older.
(() => {
  const stamp = document.querySelector("[data-stamp]");
  if (!stamp || !window.EventSource || !window.fetch) return;
  let busy = false;
  let behind = false;

  const inUse = (part) => part.contains(document.activeElement) && document.activeElement !== document.body;

  async function refresh() {
    if (busy) { behind = true; return; }
    busy = true;
    try {
      const answer = await fetch(location.href, { headers: { "X-Live": "1" }, credentials: "same-origin" });
      if (!answer.ok || answer.redirected) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of document.querySelectorAll("[data-live]")) {
        const next = fresh.getElementById(part.id);
        if (next && !inUse(part) && next.innerHTML.trim() !== part.innerHTML.trim()) {
          part.innerHTML = next.innerHTML;
          part.classList.remove("fresh");
          void part.offsetWidth;
          part.classList.add("fresh");
        }
      }
    } catch { /* the next event tries again */ } finally {
      busy = false;
      if (behind) { behind = false; setTimeout(refresh, 1000); }
    }
  }

  const source = new EventSource("/live?from=" + encodeURIComponent(stamp.dataset.stamp));
  source.addEventListener("change", refresh);
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) setInterval(refresh, 15000); // the server has no place left: ask now and then
  };
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
})();

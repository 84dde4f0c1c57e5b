// The buttons copy texts of the page, for example a patch. data-copy: id of the element with the text as JSON.
(() => {
  const copy = async (button) => {
    const label = button.textContent;
    // The text of a <pre> element cannot be used: the HTML parser has replaced \r\n by \n.
    const text = JSON.parse(document.getElementById(button.dataset.copy).textContent);
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      button.textContent = document.execCommand("copy") ? "Copied" : "Not permitted by the browser";
      area.remove();
    }
    setTimeout(() => { button.textContent = label; }, 2000);
  };
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button));
  }
})();

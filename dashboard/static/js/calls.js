// The list of calls: an address without empty filters, whoever sends the form.
document.addEventListener("formdata", (event) => {
  if (event.target.id !== "filters") return;
  for (const [name, value] of [...event.formData.entries()]) {
    if (value === "") event.formData.delete(name);
  }
});

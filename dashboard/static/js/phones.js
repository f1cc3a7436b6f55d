// How long an enrolment code still holds, in words; and choices that follow each other.
for (const place of document.querySelectorAll("[data-left-s]")) {
  const until = Date.now() + Number(place.dataset.leftS) * 1000;
  const tick = () => {
    const left = Math.max(0, Math.ceil((until - Date.now()) / 1000));
    if (left === 0) {
      clearInterval(timer);
      place.textContent = place.dataset.over;
      place.closest(".code-card")?.classList.add("over");
      return;
    }
    const values = { hours: Math.floor(left / 3600), minutes: Math.floor(left / 60) % 60, seconds: left % 60 };
    const words = left >= 3600 ? place.dataset.hours : place.dataset.minutes;
    place.textContent = words.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  };
  const timer = setInterval(tick, 1000);
  tick();
}

// Choosing a department leaves only its people to choose from.
const department = document.querySelector("[data-department-choice]");
const employee = document.querySelector("[data-employee-choice]");
if (department && employee) {
  const everybody = [...employee.options];
  department.addEventListener("change", () => {
    const path = department.selectedOptions[0].dataset.path;
    const chosen = employee.value;
    employee.replaceChildren(
      ...everybody.filter((one) => !one.value || !path || (one.dataset.path ?? "").startsWith(path)),
    );
    employee.value = [...employee.options].some((one) => one.value === chosen) ? chosen : "";
  });
}

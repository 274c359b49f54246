// What every app shows of its address: /bola and /tekno are articles, each with the list of a site of that name.
export const site = () => location.pathname.slice(1);
export const other = () => (site() === "bola" ? "tekno" : "bola");
export const go = (path, then) => {
  history.pushState({}, "", "/" + path);
  then(path);
};

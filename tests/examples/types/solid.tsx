export const right = [
  <populer-list />,
  <populer-list list="trending" limit={5} section="Bola" theme="thumbs" live more-label="Semua" refresh={0} />,
  <populer-list limit="5" views on:populer={(event) => event.detail.items[0]?.title.trim()} />,
];
export const wrong = [
  // @ts-expect-error: not a number
  <populer-list limit={"x"} />,
  // @ts-expect-error: no such theme
  <populer-list theme="besar" />,
  // @ts-expect-error: no such attribute
  <populer-list sections="Bola" />,
];

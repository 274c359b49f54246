// The block in the editor: what the server would show, and a panel with what the list can be told.
(function (wp, words) {
  "use strict";
  const { blocks, element, blockEditor, components, serverSideRender } = wp;
  const el = element.createElement;
  const themes = ["", "plain", "numbered", "thumbs", "compact"];

  function Edit({ attributes, setAttributes }) {
    const field = (name, control, more) =>
      el(control, {
        key: name,
        label: words[name],
        value: attributes[name],
        placeholder: words.usual[name],
        onChange: (value) => setAttributes({ [name]: value }),
        ...more,
      });
    const panel = el(
      components.PanelBody,
      { title: words.settings },
      field("list", components.TextControl),
      field("limit", components.TextControl, { type: "number", min: 1, max: 100 }),
      field("section", components.TextControl),
      field("heading", components.TextControl),
      field("theme", components.SelectControl, { options: themes.map((value) => ({ value, label: value || "—" })) }),
    );
    const shown = el(
      components.Disabled,
      null,
      el(serverSideRender, { block: "populer/list", attributes, skipBlockSupportAttributes: true }),
    );
    return el(
      "div",
      blockEditor.useBlockProps(),
      el(blockEditor.InspectorControls, null, panel),
      shown,
    );
  }

  blocks.registerBlockType("populer/list", { edit: Edit, save: () => null });
})(window.wp, window.populerBlock);

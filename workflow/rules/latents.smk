# From images to latent stores. y depends on the model id alone and is computed once for all levels
# that share it; y_hat is made from it for every level.


rule analyse_images:
    """Encode images to y, the latents before quantisation."""
    input:
        images="<results>/selection.tsv",
        weights=encoder_weights,
    output:
        store="<results>/latents/model-{model}/{split}.h5",
        digest="<results>/latents/model-{model}/{split}.json",
    log:
        "<logs>/analyse_images/model-{model}/{split}.log",
    benchmark:
        "<benchmarks>/analyse_images/model-{model}/{split}.tsv"
    conda:
        "../../envs/codec.yaml"
    resources:
        mem_mb=3000,
        gpu=gpu_wanted,
    params:
        code=code_of("analyse_images"),
        cfg=settings("operating_point", "state", "image_size"),
        device=config["device"],
        root=images_root,
        weights=WEIGHTS,
    shell:
        "python -m latentprint.steps.analyse_images"
        " --images {input.images} --split {wildcards.split} --root {params.root:q}"
        " --image-size {params.cfg[image_size]} --weights {params.weights:q}"
        " --operating-point {params.cfg[operating_point]} --state {params.cfg[state]}"
        " --model {wildcards.model} --device {params.device}"
        " --output {output.store} 2>&1 | tee {log}"


rule extract_latents:
    """Quantise to y_hat at one level; the store shows y and y_hat side by side."""
    input:
        unpack(quantiser_inputs),
    output:
        part="<results>/latents/bpp-{bpp}/parts/{split}.h5",
        part_digest="<results>/latents/bpp-{bpp}/parts/{split}.json",
        store="<results>/latents/bpp-{bpp}/{split}.h5",
        digest="<results>/latents/bpp-{bpp}/{split}.json",
    log:
        "<logs>/extract_latents/bpp-{bpp}/{split}.log",
    benchmark:
        "<benchmarks>/extract_latents/bpp-{bpp}/{split}.tsv"
    conda:
        "../../envs/codec.yaml"
    resources:
        mem_mb=3000,
        gpu=gpu_wanted,
    params:
        code=code_of("extract_latents"),
        cfg=settings("operating_point", "latents", "tools", "state", "rate"),
        beta=level_beta,
        device=config["device"],
        weights=WEIGHTS,
    shell:
        "python -m latentprint.steps.extract_latents"
        " --analysed {input.analysed} --weights {params.weights:q}"
        " --operating-point {params.cfg[operating_point]} --state {params.cfg[state]}"
        " --tools {params.cfg[tools]} --rate {params.cfg[rate]}"
        " --latents {params.cfg[latents]} --bpp {wildcards.bpp} --beta {params.beta}"
        " --device {params.device} --part {output.part} --output {output.store} 2>&1 | tee {log}"
